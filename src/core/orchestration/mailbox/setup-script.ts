import { type SetupCommand, setupSeconds } from '../session/setup.js';
import { MEETING } from './mailbox-files.js';

/** Where the container writes what the setup does. */
export const SETUP_PLACE = `${MEETING}/setup`;

/** The exit code of a container whose setup has failed. */
export const SETUP_EXIT = 98;

/** The first part of a command's output that is kept: 256 blocks of 4 KiB. */
const BLOCKS = 256;
export const MOST_OUTPUT_BYTES = BLOCKS * 4096;
/** How much is kept of the end of a longer output, in bytes. */
export const MOST_TAIL_BYTES = 8_192;

/**
 * Runs the commands one after the other, then becomes Claude. Everything that a command writes goes into files, because standard
 * output is the log of the session, in which nobody but Claude may report anything.
 *
 * The commands get no input. A command's output is read over a pipe, so that its length is limited. What a command leaves running
 * in the background may hold the pipe open, so the end of the output is awaited for a second only. Time is counted in steps of a
 * second, because a frozen container counts no time. If a command fails or takes too long, the script ends, and with it the
 * container and everything in it.
 *
 * Only what both coreutils and busybox have is used. The names of variables begin with `ao_`, so that none of the image's
 * variables is changed for Claude.
 */
const SCRIPT = `
ao_shown=$1 ao_count=$2 ao_at=0
shift 2
while [ "$ao_at" -lt "$ao_count" ]; do
  ao_base=${SETUP_PLACE}/$ao_at
  rm -rf "$ao_base".*
  mkfifo "$ao_base.pipe" "$ao_base.kept" || exit ${SETUP_EXIT}
  { dd bs=4096 count=${BLOCKS} 2>/dev/null; tail -c ${MOST_TAIL_BYTES} >"$ao_base.tail"; } <"$ao_base.kept" >"$ao_base.out" &
  ao_keeper=$!
  if [ "$ao_shown" = 1 ]; then
    printf '%s\\n' "setup: $1"
    tee "$ao_base.kept" <"$ao_base.pipe" &
  else
    cat <"$ao_base.pipe" >"$ao_base.kept" &
  fi
  /bin/sh -c "$1" </dev/null >"$ao_base.pipe" 2>&1 &
  ao_job=$!
  (
    ao_left=$2
    while [ "$ao_left" -gt 0 ]; do
      sleep 1
      ao_left=$((ao_left - 1))
    done
    echo late >"$ao_base.late"
    kill -KILL "$ao_job"
  ) </dev/null >/dev/null 2>&1 &
  ao_timer=$!
  { wait "$ao_job"; ao_code=$?; } 2>/dev/null
  { kill "$ao_timer"; wait "$ao_timer"; } 2>/dev/null
  ( sleep 1; kill "$ao_keeper" ) </dev/null >/dev/null 2>&1 &
  ao_timer=$!
  { wait "$ao_keeper"; kill "$ao_timer"; wait "$ao_timer"; } 2>/dev/null
  rm -f "$ao_base.pipe" "$ao_base.kept"
  if [ -e "$ao_base.late" ]; then
    echo "$ao_code late" >"$ao_base.code"
    exit ${SETUP_EXIT}
  fi
  echo "$ao_code" >"$ao_base.code"
  [ "$ao_code" -eq 0 ] || exit ${SETUP_EXIT}
  ao_at=$((ao_at + 1))
  shift 2
done
exec "$@"`;

/**
 * The words in front of a container's command that make it run the setup first. None without commands.
 *
 * @param terminal true if the output is shown in the container's terminal, too
 */
export function setupWords(commands: readonly SetupCommand[], terminal: boolean): string[] {
  if (commands.length === 0) return [];
  const words = commands.flatMap((command) => [command.run, String(setupSeconds(command))]);
  return ['/bin/sh', '-c', SCRIPT, 'sh', terminal ? '1' : '0', String(commands.length), ...words];
}
