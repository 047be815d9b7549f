/** A word as POSIX `sh` reads it, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Names a request to the host in `$id`; empty where the system has no name to give. */
export const NAME_REQUEST = 'id=$(cat /proc/sys/kernel/random/uuid 2>/dev/null) || id=$(date +%s).$$';

/**
 * A moment of waiting for the host: short at first, as most answers come at once. `$waited` counts in milliseconds what was
 * slept; a clock would run on while the container is frozen.
 */
export const PAUSE = `\
  if [ "$waited" -lt 40 ]; then
    sleep 0.002 2>/dev/null || sleep 1
    waited=$((waited + 2))
  elif [ "$waited" -lt 2000 ]; then
    sleep 0.02 2>/dev/null || sleep 1
    waited=$((waited + 20))
  else
    sleep 0.2 2>/dev/null || sleep 1
    waited=$((waited + 200))
  fi`;
