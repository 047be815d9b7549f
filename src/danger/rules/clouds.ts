import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import type { diskRules } from './disks.js';
import { destroying, destroys, type infrastructureRules } from './infrastructure.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import type { systemRules } from './system.js';
import { HELP } from './words.js';

/** Cloud resources that are opened to everybody. */
export const cloudRules = {
  'infrastructure.public': {
    level: 'critical',
    about: 'opens to everybody what was closed',
    matches: [
      'aws s3api put-object-acl --acl public-read --bucket b --key k',
      'aws ec2 authorize-security-group-ingress --group-id x --cidr 0.0.0.0/0 --port 22',
    ],
    spares: ['aws ec2 authorize-security-group-ingress --group-id x --cidr 10.0.0.0/8 --port 22'],
  },
} as const satisfies Rules;

const { critical } = reporting<
  typeof cloudRules & typeof diskRules & typeof infrastructureRules & typeof systemRules
>();

const applies = critical(
  'infrastructure.apply',
  'Changes infrastructure without anybody having seen what changes; look at a preview first.',
);
const opens = critical(
  'infrastructure.public',
  'Opens to everybody what was closed, and others may rely on that; let a person do it.',
);

export const cloudFinders: Finders = [
  [
    'pulumi',
    destroying(
      's stack C cwd color m message p parallel target',
      /^(destroy|down|dn|stack rm|state (delete|upgrade)|cancel|stack import|org .*remove|env rm)\b/,
    ),
  ],
  [
    'pulumi',
    unseen(
      's stack C cwd color m message p parallel target',
      /^(up|update|refresh|import)\b/,
      /^(-y|--yes|--skip-preview|-f)$/,
    ),
  ],
  ['cdk cdktf cdk8s', destroying('a app c context profile output plugin role-arn', /^(destroy|rollback|gc)\b/)],
  [
    'cdk cdktf',
    unseen(
      'a app c context profile output plugin role-arn',
      /^deploy\b/,
      /^(--require-approval=never|--auto-approve)$/,
    ),
  ],
  [
    'sst sls serverless',
    destroying('s stage r region c config param profile', /^(remove|destroy|rollback|state .*remove)\b/),
  ],
  [
    'amplify chalice zappa sam eb copilot ecs-cli up arc claudia',
    destroying(
      's stage e env n name a app profile region stack-name config-env',
      /^(delete|undeploy|terminate|destroy|down|remove|(app|env|svc|job|pipeline|stack|service|env) (delete|remove))\b/,
    ),
  ],
  ['azd', destroying('e environment C cwd', /^(down|env delete)\b/)],
  [
    'rosa eksctl kops kind k3d minikube capi clusterctl talosctl kubeadm k0s',
    destroying('c cluster region name n f kubeconfig', /^(delete|reset|destroy|uninstall)\b/),
  ],
  [
    'helm helmfile',
    destroying(
      'n namespace kube-context kubeconfig f file e environment l selector',
      /^(uninstall|delete|del|un|destroy|rollback|repo remove .*)\b/,
    ),
  ],
  [
    'terraform tofu terragrunt terramate atmos tf',
    destroying(
      'target var var-file state out backup',
      /^((run-all |run --all |\w+ )?(destroy|destroy-all)|state (rm|push|replace-provider)|workspace delete|force-unlock|stack .*destroy)\b/,
    ),
  ],
  [
    'waypoint nomad consul vault boundary',
    destroying(
      'address token namespace n',
      /^(destroy|(job|system|operator|namespace|volume|node|acl|var) .*(stop -purge|gc|delete|purge|remove|seal)|kv (delete|destroy|metadata delete)|token revoke|policy delete|audit disable|secrets disable|auth disable|lease revoke|operator seal|delete|acl \w+ delete|snapshot restore)\b/,
    ),
  ],
  ['aws awslocal', rateAwsVerb],
  [
    'gcloud',
    destroying(
      'project account configuration zone region format filter description',
      / (?:delete|destroy|purge|remove)\b|^(?:alpha |beta )?(?:storage rm|services disable|(?:sql|compute|app) \S+ (?:\S+ )?(?:stop|reset|suspend|restore-backup))\b/,
    ),
  ],
  ['gsutil', destroying('o h u', /^(rm|rb|rsync .*-d|acl (ch|set) .*(AllUsers|public)|iam ch .*allUsers)\b/)],
  ['bq', destroying('project_id dataset_id location', /^(rm|remove)\b/)],
  [
    'az',
    destroying(
      'n name g resource-group subscription o output query l location description',
      /(?:^| )(delete|purge|delete-batch|deallocate|stop|reset|regenerate|renew)\b/,
    ),
  ],
  [
    'doctl hcloud linode-cli vultr-cli scw oci ibmcloud civo exo upctl ionosctl yc stackit openstack ovhcloud metal cf kn nova cinder neutron swift',
    destroying(
      'c context t access-token o output profile region p name',
      /(?:^| )(delete|rm|remove|terminate|destroy|purge|d|unset-\w+)\b/,
    ),
  ],
  ['aliyun tccli hwcloud', destroying('profile region', /(?:^| )(Delete|Terminate|Release|Remove|Destroy)\w*/)],
  [
    'govc xe pvesh qm pct lxc incus multipass limactl VBoxManage vboxmanage',
    destroying(
      'f force',
      /^(vm\.destroy|\S+\.(destroy|rm|remove)|vm-destroy|\S+-destroy|delete|destroy|purge|unregistervm|project delete|image delete|snapshot delete)\b/,
    ),
  ],
  ['ceph rbd gluster drbdadm rados', destroying('p pool', /(?:^| )(purge|rm|delete|wipe-md|zap|destroy|rmpool)\b/)],
  ['vgreduce pvcreate lvconvert vgcfgrestore vgexport vgsplit lvchange lvresize fsadm', rateVolumes],
  ['dmsetup', destroying('', /^(remove|remove_all|wipe_table|create|load)\b/)],
  ['bcachefs', destroying('', /^(format|device (remove|evacuate)|fs resize)\b/)],
  ['diskutil', destroying('', /^(apfs|coreStorage|cs|appleRAID) .*(delete|erase)/i)],
  ['tmutil csrutil spctl fdesetup nvram dscl', rateMac],
];

/** Finds changes that the program makes without asking. */
function unseen(values: string, verbs: RegExp, option: RegExp): Finder {
  const named = values.split(' ');
  return ({ args }) => {
    const given = args.some((arg, index) => option.test(arg) || option.test(`${arg}=${args[index + 1] ?? ''}`));
    return given && verbs.test(new Options(args, named).operands.join(' ')) && !asks(args, HELP) ? applies : undefined;
  };
}

const AWS_DELETES =
  /^(?:batch-|bulk-|admin-|global-)?(?:delete|terminate|purge|deregister|remove|destroy|disable|release|revoke|schedule-key-deletion|reset|stop|cancel|detach-\w+-policy|abort-environment)(?:-|$)/;

/** Finds operations of AWS by their verb, whatever options stand before it. */
function rateAwsVerb({ args }: ShellCommand): Danger | undefined {
  const { operands } = new Options(args, [
    'profile',
    'region',
    'output',
    'endpoint-url',
    'query',
    'cli-read-timeout',
    'cli-connect-timeout',
    'ca-bundle',
    'color',
    'cli-input-json',
  ]);
  if (operands.at(-1) === 'help' || asks(args, /^(--help|--generate-cli-skeleton)(=|$)/)) return undefined;
  if (args.some((arg, index) => /^(public-read|public-read-write)$/.test(arg) && /^--acl$/.test(args[index - 1] ?? '')))
    return opens;
  if (
    /^authorize-security-group-ingress$/.test(operands[1] ?? '') &&
    args.some((arg) => /0\.0\.0\.0\/0|::\/0/.test(arg))
  )
    return opens;
  if (operands[0] === 's3' || operands[0] === 's3control' || operands[0] === 'configure' || operands[0] === 'logs')
    return operands[0] === 'logs' || operands[0] === 's3control' ? deleted(operands, args) : undefined;
  return deleted(operands, args);
}

function deleted(operands: readonly string[], args: readonly string[]): Danger | undefined {
  // An option before the service may have left its value among the words.
  return operands.slice(1, args[0]?.startsWith('-') ? 3 : 2).some((word) => AWS_DELETES.test(word))
    ? destroys
    : undefined;
}

function rateVolumes({ name, args }: ShellCommand): Danger | undefined {
  if (asks(args, /^(--help|-h)$/)) return undefined;
  const line = args.join(' ');
  const loses =
    /^(vgreduce|vgcfgrestore|vgexport|vgsplit)$/.test(name) ||
    (name === 'pvcreate' && args.length > 0) ||
    (name === 'lvconvert' && /--(merge|uncache|splitmirrors|repair|type)/.test(line)) ||
    (name === 'lvresize' && /(^| )(-L|--size|-l|--extents)[ =]?-/.test(line)) ||
    (name === 'lvchange' && /(^| )(-an|--activate[ =]n|-a n)\b/.test(line)) ||
    (name === 'fsadm' && /resize/.test(line));
  return loses ? critical('disk.destroy', 'Destroys or shrinks a volume with its data.') : undefined;
}

function rateMac({ name, args }: ShellCommand): Danger | undefined {
  const line = args.join(' ');
  const changes =
    (name === 'tmutil' && /^(delete|disable|deletelocalsnapshots)/.test(line)) ||
    (/^(csrutil|fdesetup)$/.test(name) && /^(disable|clear|authenticated-root disable)/.test(line)) ||
    (name === 'spctl' && /--(master|global)-disable/.test(line)) ||
    (name === 'nvram' && /^-[cd]|=/.test(line)) ||
    (name === 'dscl' && /-(delete|passwd|change)/.test(line));
  return changes
    ? critical('system.security', 'Switches a protection of the system off, or deletes what it depends on.')
    : undefined;
}
