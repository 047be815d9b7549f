/** Quotes a word so that POSIX `sh` reads it as one word, whatever it contains. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Puts a name for a request to the process into `$id`. Without a random name from the system, time and process id are used. */
export const NAME_REQUEST = 'id=$(cat /proc/sys/kernel/random/uuid 2>/dev/null) || id=$(date +%s).$$';

/**
 * A short pause while waiting for the process. The pauses are short at first, because most answers come at once. `$waited`
 * counts the milliseconds that were slept. A clock would run on while the container is frozen.
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
