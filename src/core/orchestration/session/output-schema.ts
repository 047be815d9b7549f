/** A JSON Schema (draft-07 or 2020-12), as plain data. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * A schema of a library that implements Standard Schema and can be turned into a JSON Schema (Standard JSON Schema), for example
 * of zod 4.2 or newer. `T` is the schema's *input* type: what the agent writes, before the schema transforms it.
 */
export interface StandardOutputSchema<T = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => OutputVerdict | Promise<OutputVerdict>;
    readonly jsonSchema?: { readonly input: (options: { readonly target: string }) => Record<string, unknown> };
    readonly types?: { readonly input: T; readonly output: unknown } | undefined;
  };
}

/** What the `validate` of a Standard Schema returns. */
export interface OutputVerdict {
  readonly issues?: readonly OutputIssue[] | undefined;
}

/** One problem that a Standard Schema found in a value. */
export interface OutputIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The form of a session's result: a JSON Schema, or a Standard Schema, which also types `result.output`. */
export type OutputSchema<T = unknown> = StandardOutputSchema<T> | JsonSchema;

/** What is asked of a session's result, as data that is kept on disk. */
export interface OutputRequest {
  readonly schema: JsonSchema;
  /** How often the conversation is continued by itself if the result does not fit. */
  readonly retries: number;
  /** What Claude Code gets: the schema in the words that all its releases know. Absent until the session is prepared. */
  readonly forClaude?: ClaudeOutput;
}

/** The schema of the tool with which Claude gives its result. */
export interface ClaudeOutput {
  readonly schema: JsonSchema;
  /** True if the result is the property `value` of what Claude gives, because a tool's input has to be an object. */
  readonly wrapped: boolean;
}

declare const OUTPUT: unique symbol;

/** The id of a session that knows the type of its result. It is a string like every id. */
export type TypedId<T> = string & { readonly [OUTPUT]?: T };
