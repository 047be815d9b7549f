import type { Decision, ResolvedPolicy, ToolRule } from '../../session/policy.js';

/** A session's own policy as JSON: the layers on top of its manager's. */
export interface StoredPolicy {
  readonly layers: readonly { readonly rules: readonly StoredRule[]; readonly dangerous: Decision }[];
  readonly approvalTimeoutMs: number;
  readonly onHostLost: 'deny' | 'allow';
  /** Present if the session was created as `detached`, or is led by such a session. */
  readonly detached?: true;
}

interface StoredRule {
  readonly tool: string;
  readonly decision: Decision;
  readonly reason?: string;
  /** A function cannot be kept. The file only says that there was one. */
  readonly matches?: { readonly source: string; readonly flags: string } | 'function';
}

export function storedPolicy(policy: ResolvedPolicy): StoredPolicy {
  const {
    layers: [, ...own],
    approvalTimeoutMs,
    onHostLost,
    detached,
  } = policy;
  const layers = own.map(({ rules, dangerous }) => ({ rules: rules.map(storedRule), dangerous }));
  return { layers, approvalTimeoutMs, onHostLost, ...(detached && { detached }) };
}

/**
 * The policy of a session under the manager that takes it over. The session's own policy is on top of the new manager's, and
 * the stricter of both holds in everything. If the function of a rule is lost, the rule denies all calls of its tool.
 */
export function restoredPolicy(base: ResolvedPolicy, stored: StoredPolicy): ResolvedPolicy {
  const own = stored.layers.map(({ rules, dangerous }) => ({ rules: rules.map(restoredRule), dangerous }));
  const detached = stored.detached === true && base.mayDetach;
  return {
    layers: [...base.layers, ...own],
    approvalTimeoutMs: Math.min(base.approvalTimeoutMs, stored.approvalTimeoutMs),
    onHostLost: base.onHostLost === 'deny' && !detached ? 'deny' : stored.onHostLost,
    mayDetach: base.mayDetach,
    detached,
  };
}

function storedRule({ tool, decision, reason, matches }: ToolRule): StoredRule {
  return {
    tool,
    decision,
    ...(reason !== undefined && { reason }),
    ...(matches && {
      matches: typeof matches === 'function' ? 'function' : { source: matches.source, flags: matches.flags },
    }),
  };
}

function restoredRule({ tool, decision, reason, matches }: StoredRule): ToolRule {
  const rule = { tool, decision, ...(reason !== undefined && { reason }) };
  if (matches === undefined) return rule;
  const denial: ToolRule = { ...rule, decision: 'deny', reason: LOST_MATCHES };
  if (matches === 'function') return denial;
  try {
    return { ...rule, matches: new RegExp(matches.source, matches.flags) };
  } catch {
    return denial; // A newer version of Node.js has written the expression.
  }
}

const LOST_MATCHES =
  'The rule that decides about this call belongs to a process that is gone, and cannot be read here.';
