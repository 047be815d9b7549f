import { settingText } from '../repository/config-text.js';

/** Whose name and address commits have. */
export interface GitIdentity {
  readonly name?: string;
  readonly email?: string;
}

/**
 * The text of a configuration for the whole container, which also has the image's own settings.
 *
 * @param ignoreFile the path that the user's ignore file has in the container. Default: there is none
 */
export function systemConfig({ name, email }: GitIdentity, ignoreFile?: string): string {
  const own = { 'user.name': name, 'user.email': email, 'core.excludesFile': ignoreFile };
  const settings = Object.entries(own).map(([key, value]) => (value === undefined ? '' : settingText(key, value)));
  return `[include]\n\tpath = /etc/gitconfig\n${settings.join('')}`;
}
