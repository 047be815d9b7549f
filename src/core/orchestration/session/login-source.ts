/**
 * Where the login of the sessions is. Either form is read on this machine when a session is created and at each of its runs, so a
 * renewed login counts from the next run on.
 */
export type LoginSource =
  | {
      /**
       * A file with lines `NAME=value`, for example `CLAUDE_CODE_OAUTH_TOKEN=…` or `ANTHROPIC_API_KEY=…`. It has to belong to the
       * user of this process or to root, and only its owner may read it (mode 0600).
       */
      readonly envFile: string;
    }
  | {
      /**
       * A shell command that prints the token, the API key or such lines, for example
       * `security find-generic-password -w -s claude` or `pass show claude`. It may take 30 seconds.
       */
      readonly command: string;
    };
