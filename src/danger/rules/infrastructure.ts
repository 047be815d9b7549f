import { critical, type Danger, warning } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { commandLine } from '../shell/command-line.js';
import { Options } from '../shell/options.js';
import type { Rule, RuleList } from './rule.js';
import { destroys } from './words.js';

export const infrastructureRules: RuleList = [
  ['kubectl oc k', rateKubernetes],
  ['helm', phrase(/^(uninstall|delete|del|un|rollback)\b/)],
  ['terraform tofu terragrunt', rateTerraform],
  ['pulumi', phrase(/^(destroy|stack rm|state delete|cancel)\b/)],
  ['cdk sst sls serverless', phrase(/^(destroy|remove)\b/)],
  ['aws', rateAws],
  [
    'gcloud',
    phrase(/(^| )(delete|destroy)\b|^projects remove|firestore export --delete|sql instances (delete|restore)/),
  ],
  ['gsutil', phrase(/^(-m )?(rm|rb)\b|rsync .*-d\b/)],
  ['az', phrase(/(^| )(delete|purge|delete-batch)\b/)],
  ['doctl hcloud linode-cli vultr-cli scw oci ibmcloud', phrase(/(^| )(delete|rm|terminate|destroy)\b/)],
  ['heroku', phrase(/^(apps:(destroy|delete)|destroy|pg:reset|addons:destroy|pg:kill\w*|ps:stop)\b/)],
  ['fly flyctl', phrase(/^(apps? destroy|destroy|volumes? (destroy|delete)|machines? destroy|postgres destroy)\b/)],
  [
    'vercel netlify railway render wrangler firebase',
    phrase(
      /^(remove|rm|projects? (rm|remove|delete)|sites?:delete|delete|down|firestore:delete|hosting:disable|projects:delete|r2 bucket delete|d1 delete|kv.* delete)\b/,
    ),
  ],
  ['eksctl kops kind k3d minikube', phrase(/^delete\b/)],
  ['vagrant', phrase(/^destroy\b/)],
  ['virsh', phrase(/^(undefine|destroy|vol-delete|pool-delete)\b/)],
  [
    'ansible',
    ({ args }) =>
      /-m\s*(ansible\.builtin\.)?(file|shell|command)\b.*(state=absent|rm -\w*r)/.test(args.join(' '))
        ? destroys
        : undefined,
  ],
  ['rclone', phrase(/^(delete|purge|rmdirs?|cleanup|sync|deletefile)\b/)],
  ['s3cmd mc', phrase(/(^| )(rb|del|rm|mirror --remove)\b/)],
  [
    'vault consul nomad',
    phrase(
      /^(kv delete|kv destroy|kv metadata delete|delete|secrets disable|auth disable|job stop -purge|system gc|operator \w+ remove)\b/,
    ),
  ],
  ['argocd flux', phrase(/^(app delete|delete|uninstall)\b/)],
  ['kafka-topics', phrase(/--delete\b/)],
];

function phrase(pattern: RegExp): Rule {
  return ({ args }: ShellCommand): Danger | undefined => {
    const isHelp = args[0] === 'help' || asks(args, /^(--help|-h)$/);
    return pattern.test(commandLine(args)) && !isHelp ? destroys : undefined;
  };
}

function rateKubernetes({ args }: ShellCommand): Danger | undefined {
  const options = new Options(args, [
    'n',
    'namespace',
    'context',
    'kubeconfig',
    'cluster',
    'f',
    'filename',
    'l',
    'selector',
    'grace-period',
    'timeout',
    'o',
    'k',
    's',
  ]);
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

function rateTerraform({ args }: ShellCommand): Danger | undefined {
  const words = args.filter((arg) => !arg.startsWith('-chdir')).join(' ');
  if (asks(args, /^--?help$|^-h$/)) return undefined;
  if (
    /^(run-all )?destroy\b|^apply\b.* -?-destroy\b|^state (rm|push)\b|^workspace delete\b|^force-unlock\b/.test(words)
  )
    return destroys;
  if (/^(run-all )?apply\b.*-auto-approve\b/.test(words))
    return critical(
      'infrastructure.apply',
      'Changes infrastructure without anybody having seen the plan; run terraform plan.',
    );
  return /^taint\b/.test(words) ? warning('infrastructure.taint', 'Makes the next apply build this anew.') : undefined;
}

function rateAws({ args }: ShellCommand): Danger | undefined {
  const words = new Options(args, ['profile', 'region', 'output', 'endpoint-url', 'query']).operands;
  const [service = '', verb = ''] = words;
  if (args.at(-1) === 'help' || asks(args, /^--help$/)) return undefined;
  if (service === 's3') {
    if (verb === 'rb' || (verb === 'rm' && args.includes('--recursive'))) return destroys;
    if (verb === 'sync' && args.includes('--delete')) return destroys;
    return verb === 'rm' ? warning('infrastructure.delete', 'Deletes an object.') : undefined;
  }
  return /^(delete|terminate|purge|deregister|remove|destroy|disable|schedule-key-deletion|reset)\b/.test(verb)
    ? destroys
    : undefined;
}
