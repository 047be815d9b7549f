import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { isKnown } from '../shell/value.js';
import { type Finders, type Rules, reporting } from './rule.js';

/** Containers, their images and volumes. */
export const containerRules = {
  'containers.prune': {
    level: 'critical',
    about: 'deletes whatever is not running; a warning for what is not in use, or after a question',
    matches: ['docker system prune -af', 'docker volume prune -f', 'docker image prune -af'],
    warns: ['docker system prune', 'docker container prune -f'],
    spares: ['docker ps -a', 'docker system df'],
  },
  'containers.remove': {
    level: 'recoverable',
    about: 'removes named containers that may be running, or images that are in use; a warning for a network',
    matches: ['docker rm -f web', 'docker rmi -f app'],
    warns: ['docker network rm web'],
    spares: ['docker rm web', 'docker stop web'],
  },
  'containers.remove-any': {
    level: 'critical',
    about: 'removes containers or images that are only known when the command runs',
    matches: ['docker rm -f $(docker ps -aq)'],
    spares: ['docker rm -f web', 'docker stop $(docker ps -q)'],
  },
  'containers.volume': {
    level: 'critical',
    about: 'deletes volumes with their data',
    matches: ['docker volume rm data', 'docker compose down -v'],
    spares: ['docker compose down', 'docker volume ls'],
  },
  'containers.cluster': {
    level: 'critical',
    about: 'removes a part of a cluster of containers',
    matches: ['docker stack rm app', 'docker swarm leave --force'],
    spares: ['docker stack ls', 'docker service ls'],
  },
  'containers.host': {
    level: 'critical',
    about: "gives a container the machine's own files, engine or rights",
    matches: [
      'docker run -v /:/host alpine',
      'docker run --privileged alpine',
      'docker run -v /var/run/docker.sock:/var/run/docker.sock x',
    ],
    spares: ['docker run --rm -v ./src:/src alpine ls'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof containerRules>();

export const containerFinders: Finders = [
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
  // Without -f the command asks, and nobody answers unless an answer is piped in.
  const answered = options.has('f', 'force') || stdin !== undefined;
  if (noun === 'prune') {
    const what = critical(
      'containers.prune',
      'Deletes whatever is not running, also of other projects; remove single things by name.',
    );
    if (!answered) return warning('containers.prune', 'Deletes whatever is not running, after a confirmation.');
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

/** If all names are known, the agent most likely means things that it has made itself. */
function removing({ operands }: Options, reason: string): Danger {
  return operands.every(isKnown)
    ? critical('containers.remove', reason)
    : critical(
        'containers.remove-any',
        'Removes whatever is found when the command runs, also of other projects; name what you want to remove.',
      );
}

function rateCompose(args: readonly string[]): Danger | undefined {
  const verb = args.find((arg) => /^(down|rm)$/.test(arg));
  const volumes = args.some((arg) => /^(-\w*v\w*|--volumes)$/.test(arg)) && !args.includes('--verbose');
  if (!verb || !volumes || asks(args, /^--help$/)) return undefined;
  return critical('containers.volume', 'Deletes the volumes with their data; leave out -v.');
}

/** A container that can reach the machine's files or engine isolates nothing. */
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
  if (host) return critical('containers.host', "Gives a container the machine's own files or its container engine.");
  return args.some((arg) => /^--(privileged|pid=host)/.test(arg))
    ? critical('containers.host', 'Gives a container the rights of the machine.')
    : undefined;
}
