import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { commandLine } from '../shell/command-line.js';
import { Options } from '../shell/options.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import { words } from './words.js';

/** Infrastructure of clouds, clusters and tools that manage them. */
export const infrastructureRules = {
  'infrastructure.destroy': {
    level: 'critical',
    about: 'deletes infrastructure that others may depend on',
    matches: [
      'terraform destroy',
      'kubectl delete namespace prod',
      'helm uninstall app',
      'aws ec2 terminate-instances --instance-ids i-1',
      'gcloud compute instances delete vm',
      'heroku apps:destroy x',
    ],
    spares: ['terraform plan', 'kubectl get pods', 'aws s3 ls', 'kubectl delete pod x --dry-run=client'],
  },
  'infrastructure.delete': {
    level: 'warning',
    about: 'deletes one object',
    matches: ['kubectl delete pod web-1', 'aws s3 rm s3://bucket/key'],
    spares: ['kubectl describe pod web-1', 'aws s3 cp a s3://bucket/key'],
  },
  'infrastructure.apply': {
    level: 'critical',
    about: 'changes infrastructure without a look at the plan before',
    matches: ['terraform apply -auto-approve', 'pulumi up --yes', 'cdk deploy --require-approval never'],
    spares: ['terraform apply plan.out', 'pulumi preview', 'cdk diff'],
  },
  'infrastructure.stop': {
    level: 'critical',
    about: 'stops a workload, or takes a node out of use',
    matches: ['kubectl scale deployment/web --replicas=0', 'kubectl cordon node1'],
    spares: ['kubectl scale deployment/web --replicas=3'],
  },
  'infrastructure.taint': {
    level: 'warning',
    about: 'makes the next `terraform apply` build something again',
    matches: ['terraform taint aws_instance.web'],
    spares: ['terraform untaint aws_instance.web'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof infrastructureRules>();

export const destroys = critical(
  'infrastructure.destroy',
  'Deletes infrastructure that others may depend on; let a person do it.',
);

export const infrastructureFinders: Finders = [
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

function phrase(pattern: RegExp): Finder {
  return ({ args }: ShellCommand): Danger | undefined => {
    const isHelp = args[0] === 'help' || asks(args, /^(--help|-h)$/);
    return pattern.test(commandLine(args)) && !isHelp ? destroys : undefined;
  };
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
  return /^taint\b/.test(words)
    ? warning('infrastructure.taint', 'Makes the next terraform apply build this again.')
    : undefined;
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

/** Finds programs that are told to delete infrastructure. @see words */
export function destroying(values: string, pattern: RegExp): Finder {
  return words(values, pattern, () => destroys);
}
