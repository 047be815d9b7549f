/** Whose name and address the commits of an agent have. */
export interface GitIdentityOption {
  /** For example `Ada Lovelace`. */
  readonly name: string;
  /** For example `ada@example.org`. */
  readonly email: string;
}
