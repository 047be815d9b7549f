import { critical, type Danger, warning } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { isKnown } from '../shell/value.js';
import type { RuleList } from './rule.js';

export const containerRules: RuleList = [
  ['docker podman nerdctl', rateEngine],
  ['docker-compose podman-compose', (command) => rateCompose(command.args)],
];

const GLOBAL_VALUES = ['H', 'host', 'context', 'c', 'config', 'l', 'log-level'];

function rateEngine({ args, stdin }: ShellCommand): Danger | undefined {
  const outer = new Options(args, GLOBAL_VALUES, true);
  const [verb = '', ...rest] = args.slice(outer.start);
  const [noun = ''] = rest;
  const options = new Options(rest, ['filter']);
  if (asks(args, /^--help$/)) return undefined;
  // Without -f it asks, and there is nobody to answer unless something is piped in.
  const answered = options.has('f', 'force') || stdin !== undefined;
  if (noun === 'prune') {
    const what = critical(
      'containers.prune',
      'Deletes whatever is not running, other projects included; remove single things by name.',
    );
    if (!answered) return warning('containers.prune', 'Deletes whatever is not running, once that is confirmed.');
    return verb === 'system' || verb === 'volume' || options.has('a', 'all')
      ? what
      : warning('containers.prune', 'Deletes what is not in use.');
  }
  if (verb === 'volume' && /^(rm|remove)$/.test(noun))
    return critical('containers.volume', 'Deletes a volume with its data.');
  if (verb === 'rm' || (verb === 'container' && /^(rm|remove)$/.test(noun))) {
    return options.has('f', 'force', 'v', 'volumes')
      ? removing(options, 'Removes containers that may be running; stop them, and leave out -f.')
      : undefined;
  }
  if (verb === 'rmi' || (verb === 'image' && /^(rm|remove)$/.test(noun))) {
    return options.has('f', 'force') ? removing(options, 'Removes images that are in use; leave out -f.') : undefined;
  }
  if (verb === 'system' && noun === 'reset')
    return critical('containers.prune', 'Deletes all containers, images and volumes.');
  if (verb === 'swarm' && noun === 'leave')
    return critical('containers.cluster', 'Takes the machine out of its cluster.');
  if (/^(stack|service|secret|config|node|context|network)$/.test(verb) && /^(rm|remove)$/.test(noun)) {
    return verb === 'network'
      ? warning('containers.remove', 'Removes a network.')
      : critical('containers.cluster', `Removes a ${verb} that others may use.`);
  }
  if (verb === 'compose') return rateCompose(rest);
  if (verb === 'run' || verb === 'create') return rateRun(rest);
  return undefined;
}

/** What is named can be told from what others have. */
function removing({ operands }: Options, reason: string): Danger {
  return operands.every(isKnown)
    ? critical('containers.remove', reason)
    : critical(
        'containers.remove-any',
        'Removes whatever is found when it runs, other projects included; name the things.',
      );
}

function rateCompose(args: readonly string[]): Danger | undefined {
  const verb = args.find((arg) => /^(down|rm)$/.test(arg));
  const volumes = args.some((arg) => /^(-\w*v\w*|--volumes)$/.test(arg)) && !args.includes('--verbose');
  if (!verb || !volumes || asks(args, /^--help$/)) return undefined;
  return critical('containers.volume', 'Deletes the volumes with their data; leave out -v.');
}

/** A container that is given the host is no container. */
function rateRun(args: readonly string[]): Danger | undefined {
  const host = args.some((arg, index) => {
    const volume = /^(-v|--volume|--mount)$/.test(args[index - 1] ?? '')
      ? arg
      : /^(?:-v|--volume=|--mount=)(.+)/.exec(arg)?.[1];
    return (
      volume !== undefined &&
      /^\/:|^\/(etc|root|boot|var\/run\/docker\.sock|run\/docker\.sock)(\/|:|$)|(source|src)=\/(,|$)/.test(volume)
    );
  });
  if (host) return critical('containers.host', "Gives a container the host's own files or engine.");
  return args.some((arg) => /^--(privileged|pid=host)/.test(arg))
    ? critical('containers.host', 'Gives a container the rights of the host.')
    : undefined;
}
