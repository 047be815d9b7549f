import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { destroys, type infrastructureRules } from './infrastructure.js';
import { type Finders, reporting } from './rule.js';

const { critical, warning } = reporting<typeof infrastructureRules>();

export const kubernetesFinders: Finders = [
  ['kubectl oc k', rateDeletion],
  ['kubectl oc k', rateClusters],
];

/** Options of kubectl that take a value. */
const VALUES =
  'n namespace context kubeconfig cluster f filename l selector grace-period timeout o k s p patch type'.split(' ');

function rateDeletion({ args }: ShellCommand): Danger | undefined {
  const options = new Options(args, VALUES);
  const [verb = '', kind = ''] = options.operands;
  if (asks(args, /^(--help|-h)$/)) return undefined;
  if (verb === 'delete') {
    const whole =
      /^(ns|namespaces?|nodes?|no|pvc?|persistentvolume\w*|crds?|customresourcedefinitions?|all|clusterroles?|deploy\w*|statefulsets?|sts|secrets?|daemonsets?|svc|services?)\b/i.test(
        kind,
      );
    if (whole || options.has('all', 'all-namespaces', 'A', 'f', 'filename', 'k', 'l', 'selector', 'force'))
      return destroys;
    return warning('infrastructure.delete', 'Deletes an object of the cluster.');
  }
  if (verb === 'drain' || (verb === 'replace' && options.has('force'))) return destroys;
  if (verb === 'scale' && options.value('replicas') === '0')
    return critical('infrastructure.stop', 'Stops a workload that others may use.');
  return undefined;
}

/** What destroys or stops something with another command than `kubectl delete`. */
function rateClusters({ args }: ShellCommand): Danger | undefined {
  if (asks(args, /^(--help|-h)$/)) return undefined;
  const { operands } = new Options(args, VALUES);
  const line = operands.join(' ');
  if (/^(config (delete-\w+|unset)|adm (drain|prune)|certificate deny|rollout undo)/.test(line)) return destroys;
  if (/^(cordon|taint) /.test(line)) return critical('infrastructure.stop', 'Takes a node out of use.');
  if (/^apply\b/.test(line) && args.some((arg) => /^--prune(=true)?$/.test(arg))) return destroys;
  if (/^patch\b/.test(line) && /finalizers\W+(null|\[\s*\])/.test(args.join(' '))) return destroys;
  return undefined;
}
