import { resolve } from 'node:path';
import { check } from '../options/check.js';
import { askedOutput } from '../options/output.js';
import { optionSchemas } from '../options/schemas.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { ToolRule } from '../session/policy.js';
import { OrchestrationError, quote } from '../util/errors.js';

/** No honest option is nested so deeply. */
const MOST_DEPTH = 100;

/** A regular expression on its way to the owner. */
interface SentPattern {
  readonly source: string;
  readonly flags: string;
}

/**
 * The options of `create()` as the owner of the state folder can receive them. Paths count from the working directory of this
 * process, not from the owner's.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`, also for a function and for other values that JSON cannot hold
 */
export function portableOptions(options: CreateSessionOptions, inheritsCwd: boolean): unknown {
  check(optionSchemas().createSchema, options);
  const { signal: _, policy, cwd, docker, output, ...rest } = options;
  const sent = {
    ...rest,
    ...(cwd !== undefined || !inheritsCwd ? { cwd: resolve(cwd ?? '.') } : {}),
    ...(docker !== undefined && { docker: withWholePath(docker) }),
    ...(output !== undefined && { output: askedOutput(output).request.schema }),
    ...(policy && { policy: { ...policy, ...(policy.rules && { rules: policy.rules.map(sentRule) }) } }),
  };
  requirePlain(sent, '');
  return sent;
}

function withWholePath(docker: NonNullable<CreateSessionOptions['docker']>): CreateSessionOptions['docker'] {
  if (typeof docker !== 'object' || typeof docker.ssh !== 'object') return docker;
  return { ...docker, ssh: { keyFile: resolve(docker.ssh.keyFile) } };
}

function sentRule({ matches, ...rule }: ToolRule): object {
  if (matches === undefined) return rule;
  if (matches instanceof RegExp) return { ...rule, matches: { source: matches.source, flags: matches.flags } };
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    "Option 'policy.rules': a function cannot be sent to the process that owns the sessions. Use a RegExp, or set the rule in the policy of its manager.",
  );
}

/** Puts regular expressions in place again. Everything else is checked by `create()` itself. */
export function receivedOptions(sent: unknown): CreateSessionOptions {
  const options = sent as CreateSessionOptions;
  const rules = options?.policy?.rules;
  if (!Array.isArray(rules)) return options;
  return { ...options, policy: { ...options.policy, rules: rules.map(receivedRule) } };
}

function receivedRule(sent: ToolRule): ToolRule {
  const pattern = sent?.matches as unknown as Partial<SentPattern> | null | undefined;
  if (typeof pattern?.source !== 'string' || typeof pattern.flags !== 'string') return sent;
  try {
    return { ...sent, matches: new RegExp(pattern.source, pattern.flags) };
  } catch {
    return sent; // What is no pattern is refused by the check of the options.
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` for a value that would arrive as another one */
function requirePlain(value: unknown, path: string, depth = 0): void {
  const isAbsent = value === undefined && !path.endsWith(']');
  if (value === null || isAbsent || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)) return;
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  const isPlain = prototype === Object.prototype || prototype === Array.prototype || prototype === null;
  // A value that holds itself has no end.
  if (!isPlain || depth > MOST_DEPTH) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option '${path}': ${quote(value)} cannot be sent to the process that owns the sessions. Use texts, numbers, lists and plain objects.`,
    );
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) requirePlain(value[index], `${path}[${index}]`, depth + 1);
    return;
  }
  for (const [key, inner] of Object.entries(value as object)) {
    requirePlain(inner, path === '' ? key : `${path}.${key}`, depth + 1);
  }
}
