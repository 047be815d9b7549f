import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import type { diskRules } from './disks.js';
import { type Finders, type Rules, reporting } from './rule.js';

/** The machine, its services and its processes. */
export const systemRules = {
  'system.shutdown': {
    level: 'critical',
    about: 'stops or restarts the machine',
    matches: ['shutdown -h now', 'sudo reboot', 'systemctl poweroff', 'init 0'],
    spares: ['shutdown -c', 'systemctl status', 'uptime'],
  },
  'system.service': {
    level: 'critical',
    about: 'stops a service that others may use; a warning for a restart',
    matches: ['systemctl stop nginx', 'systemctl disable sshd', 'service mysql stop'],
    warns: ['systemctl restart nginx'],
    spares: ['systemctl status nginx', 'service mysql status'],
  },
  'system.crontab': {
    level: 'critical',
    about: 'deletes all scheduled jobs of the user',
    matches: ['crontab -r'],
    spares: ['crontab -l'],
  },
  'system.firewall': {
    level: 'critical',
    about: 'opens or closes the firewall as a whole',
    matches: ['iptables -F', 'ufw disable'],
    spares: ['iptables -L', 'ufw status'],
  },
  'system.users': {
    level: 'critical',
    about: 'changes the users of the machine',
    matches: ['useradd evil', 'passwd root', 'userdel node'],
    spares: ['id', 'passwd --status'],
  },
  'system.kernel': {
    level: 'critical',
    about: 'changes the kernel or its settings',
    matches: ['rmmod ext4', 'sysctl -w kernel.panic=1'],
    spares: ['lsmod', 'sysctl kernel.panic'],
  },
  'system.packages': {
    level: 'critical',
    about: 'removes a package that the system needs; a warning for other packages',
    matches: ['apt-get remove -y sudo'],
    warns: ['apt-get remove -y jq'],
    spares: ['apt-get install -y jq', 'apt list'],
  },
  'system.network': {
    level: 'critical',
    about: 'cuts the machine off the network',
    matches: ['ip link set eth0 down', 'ifdown eth0'],
    spares: ['ip addr', 'ip link show'],
  },
  'system.security': {
    level: 'critical',
    about: 'switches a protection of the system off',
    matches: ['setenforce 0', 'csrutil disable'],
    spares: ['getenforce', 'csrutil status'],
  },
  'system.history': {
    level: 'warning',
    about: "deletes the shell's history",
    matches: ['history -c'],
    spares: ['history'],
  },
  'system.logs': {
    level: 'warning',
    about: 'deletes logs of the system',
    matches: ['journalctl --vacuum-size=1M'],
    spares: ['journalctl -n 20'],
  },
  'process.kill': {
    level: 'warning',
    about: 'ends processes that may belong to others, or does not let them clean up',
    matches: ['kill -9 1234', 'pkill node', 'fuser -k 3000/tcp'],
    spares: ['kill 1234', 'kill -l', 'pgrep node'],
  },
  'process.kill-all': {
    level: 'critical',
    about: 'ends every process, or processes that the machine needs',
    matches: ['kill -9 -1', 'kill -9 1', 'pkill -9 -f .', 'killall systemd'],
    spares: ['kill %1', 'kill -0 1'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof systemRules & typeof diskRules>();

export const systemFinders: Finders = [
  ['shutdown reboot halt poweroff telinit', rateShutdown],
  ['init', ({ args }) => (/^[06s]$/i.test(args[0] ?? '') ? stops : undefined)],
  ['systemctl', rateSystemctl],
  ['service rc-service', ({ args }) => (args[1] === 'stop' ? stopsService : undefined)],
  ['launchctl', ({ args }) => (/^(unload|bootout|remove|disable)$/.test(args[0] ?? '') ? stopsService : undefined)],
  ['kill', rateKill],
  ['killall pkill skill killall5', rateKillByName],
  [
    'fuser',
    ({ args }) =>
      args.some((arg) => /^-\w*k/.test(arg))
        ? warning('process.kill', 'Ends whatever uses a file or a port.')
        : undefined,
  ],
  [
    'crontab',
    ({ args }) =>
      args.some((arg) => /^-\w*r/.test(arg))
        ? critical('system.crontab', 'Deletes all scheduled jobs of the user; edit the list instead.')
        : undefined,
  ],
  ['iptables ip6tables nft ufw firewall-cmd ipset', rateFirewall],
  ['userdel deluser groupdel delgroup', (command) => users(command)],
  [
    'usermod useradd adduser passwd chpasswd visudo gpasswd',
    (command) => (/^(-S|--status|--help|-h)$/.test(command.args[0] ?? '') ? undefined : users(command)),
  ],
  [
    'insmod rmmod modprobe kexec',
    ({ args }) =>
      args.length > 0 && !/^(-n|--dry-run|--version|-c|--showconfig)$/.test(args[0] ?? '')
        ? critical('system.kernel', 'Changes the kernel that runs.')
        : undefined,
  ],
  [
    'sysctl',
    ({ args }) =>
      args.some((arg) => /^-\w*[wp]|=/.test(arg))
        ? critical('system.kernel', "Changes the kernel's settings.")
        : undefined,
  ],
  ['apt apt-get aptitude yum dnf pacman apk zypper brew dpkg rpm snap', ratePackages],
  [
    'ip ifconfig',
    ({ name, args }) =>
      /^(link set \S+ down|link del|addr flush|route (flush|del))|^\S+ down$/.test(args.join(' ')) && name
        ? critical('system.network', 'Cuts the machine off the network.')
        : undefined,
  ],
  ['ifdown', () => critical('system.network', 'Cuts the machine off the network.')],
  [
    'history',
    ({ args }) => (args.includes('-c') ? warning('system.history', 'Deletes the history of the shell.') : undefined),
  ],
  [
    'setenforce',
    ({ args }) =>
      args[0] === '0' ? critical('system.security', 'Switches a protection of the system off.') : undefined,
  ],
  ['timedatectl hostnamectl', () => undefined],
  [
    'debugfs',
    ({ args }) =>
      args.includes('-w')
        ? critical('disk.destroy', 'Writes to the disk of a file system past the kernel.')
        : undefined,
  ],
  [
    'journalctl',
    ({ args }) =>
      args.some((arg) => arg.startsWith('--vacuum')) ? warning('system.logs', 'Deletes logs.') : undefined,
  ],
];

const stops = critical('system.shutdown', 'Stops or restarts the machine.');
const stopsService = critical('system.service', 'Stops a service that others may use.');

function users({ name }: ShellCommand): Danger {
  return critical('system.users', `Changes the users of the machine (${name}).`);
}

function rateShutdown({ args }: ShellCommand): Danger | undefined {
  return asks(args, /^(-c|-k|--help|--version|-w|--wtmp-only)$/) ? undefined : stops;
}

function rateSystemctl({ args }: ShellCommand): Danger | undefined {
  const verb = new Options(args, ['t', 'p', 'H', 'M', 'n', 'o', 's', 'type', 'property']).operands[0] ?? '';
  if (/^(poweroff|reboot|halt|kexec|rescue|emergency|suspend|hibernate|soft-reboot|isolate)$/.test(verb)) return stops;
  if (/^(stop|disable|mask|kill)$/.test(verb)) return stopsService;
  return /^(restart|reload-or-restart|try-restart)$/.test(verb)
    ? warning('system.service', 'Restarts a service.')
    : undefined;
}

function rateKill({ args }: ShellCommand): Danger | undefined {
  if (/^-?-?(l|L|list|table)$/.test(args[0] ?? '')) return undefined;
  const targets = args.filter(
    (arg, index) => !(index === 0 && /^-/.test(arg)) && arg !== '--' && !/^-?(s|n|SIG\w+|[A-Z]+)$/.test(arg),
  );
  const signal = args[0] ?? '';
  if (/^-?-?(0|USR\d|HUP|CONT|WINCH|SIG(USR\d|HUP|CONT|WINCH))$/.test(signal)) return undefined;
  const all =
    targets.some((target) => target === '-1' || target === '1' || target === '0') ||
    (args.length === 1 && signal === '-1');
  if (all)
    return critical('process.kill-all', "Ends every process, or the container's first one; end only what you started.");
  return /^-(9|KILL|SIGKILL)$/.test(signal)
    ? warning('process.kill', 'Ends a process without letting it clean up.')
    : undefined;
}

function rateKillByName({ name, args }: ShellCommand): Danger | undefined {
  const target = new Options(args, ['s', 'u', 'g', 'P', 't', 'signal']).operands.at(-1) ?? '';
  if (name === 'killall5' || /^(\.|\.\*|init|systemd|sshd|dockerd|containerd)$/.test(target))
    return critical('process.kill-all', 'Ends processes that the machine needs.');
  if (new Options(args, ['signal']).has('u') && target === '')
    return critical('process.kill-all', 'Ends every process of a user.');
  return warning('process.kill', 'Ends every process of that name, not only those that this session started.');
}

function rateFirewall({ name, args }: ShellCommand): Danger | undefined {
  const line = args.join(' ');
  const opens =
    (/^ip6?tables$/.test(name) &&
      /(^| )(-F|--flush|-X|--delete-chain|-P (INPUT|OUTPUT|FORWARD) (ACCEPT|DROP))( |$)/.test(line)) ||
    (name === 'nft' && /^(flush|delete)\b/.test(line)) ||
    (name === 'ufw' && /(^| )(disable|reset)\b/.test(line)) ||
    (name === 'ipset' && /^(destroy|flush)\b/.test(line)) ||
    (name === 'firewall-cmd' && /--(panic-on|remove-\w+|complete-reload)/.test(line));
  return opens ? critical('system.firewall', 'Opens or closes the firewall as a whole.') : undefined;
}

const ESSENTIAL =
  /^(sudo|libc6?|glibc|bash|coreutils|systemd|init|linux-image\S*|kernel|dpkg|apt|base|filesystem|util-linux|openssh-server|docker\S*|grub\S*|python3)$/;

function ratePackages({ name, args }: ShellCommand): Danger | undefined {
  const [verb = '', ...names] = new Options(args, ['o', 't', 'c']).operands;
  const removes =
    /^(remove|purge|autoremove|erase|uninstall|del|rm)$/.test(verb) ||
    (name === 'pacman' && args.some((arg) => /^-R/.test(arg))) ||
    (name === 'dpkg' && args.some((arg) => /^(-r|-P|--remove|--purge)$/.test(arg))) ||
    (name === 'rpm' && args.some((arg) => /^-e/.test(arg)));
  if (!removes || asks(args, /^--help$/)) return undefined;
  const all = [verb, ...names];
  if (all.some((word) => ESSENTIAL.test(word)))
    return critical('system.packages', 'Removes a package that the system needs.');
  return verb === 'autoremove' ? undefined : warning('system.packages', 'Removes packages of the system.');
}
