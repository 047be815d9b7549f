/** The name of a setting, as in `git config`, and its value. */
export type GitSetting = readonly [name: string, value: string];

/**
 * Variables that give settings to git with the same priority as `git -c`. They come after the settings that an environment
 * already has.
 */
export function gitSettings(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly GitSetting[],
): Record<string, string> {
  const first = Number(env.GIT_CONFIG_COUNT ?? 0) || 0;
  const entries = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${first + index}`, name],
    [`GIT_CONFIG_VALUE_${first + index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(first + settings.length), ...Object.fromEntries(entries) };
}
