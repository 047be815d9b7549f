import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { isKnown } from '../shell/value.js';
import { type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';

/** Disks, volumes and file systems. */
export const diskRules = {
  'disk.destroy': {
    level: 'critical',
    about: 'destroys what is on a disk, a volume or a file system',
    matches: [
      'mkfs.ext4 /dev/sda1',
      'dd if=/dev/zero of=/dev/sda',
      'echo x > /dev/sda',
      'wipefs -a /dev/sdb',
      'lvremove vg/data',
      'zpool destroy tank',
    ],
    spares: ['mkfs.ext4 disk.img', 'dd if=a of=b', 'wipefs /dev/sdb', 'fdisk -l', 'lvremove --test vg/data'],
  },
  'disk.format': {
    level: 'critical',
    about: 'destroys what is on a disk, with a command of PowerShell',
    matches: [
      { tool: 'PowerShell', input: { command: 'Format-Volume -DriveLetter D' } },
      { tool: 'PowerShell', input: { command: 'Clear-Disk -Number 1' } },
    ],
    spares: [{ tool: 'PowerShell', input: { command: 'Get-Disk' } }],
  },
  'disk.unmount': {
    level: 'critical',
    about: 'takes away file systems that programs use',
    matches: ['umount -a', 'umount -l /mnt/data'],
    spares: ['umount /mnt/data', 'mount'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof diskRules>();

const FORMATTERS =
  'mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkfs.exfat mkfs.f2fs mkfs.minix mkfs.msdos mke2fs mkswap mkdosfs mkntfs newfs wipefs blkdiscard badblocks sgdisk';
const ASKS = /^(--version|-V|--help|-h)$/;

export const diskFinders: Finders = [
  [FORMATTERS, rateFormat],
  ['fdisk sfdisk cfdisk gdisk parted gparted', rateFormat],
  [
    'hdparm',
    (command) =>
      command.args.some((arg) => /^--(security-erase|trim-sector|write-sector)/.test(arg))
        ? destroys('a disk')
        : undefined,
  ],
  ['nvme', (command) => (/^(format|sanitize|delete-ns)$/.test(command.args[0] ?? '') ? destroys('a disk') : undefined)],
  [
    'diskutil',
    (command) =>
      /^(erase|partition|zero|secureErase|reformat)/i.test(command.args[0] ?? '') ? destroys('a disk') : undefined,
  ],
  [
    'cryptsetup',
    (command) =>
      /^(luksFormat|erase|luksErase|reencrypt|luksKillSlot|luksRemoveKey)$/.test(
        new Options(command.args).operands[0] ?? '',
      )
        ? destroys('an encrypted volume')
        : undefined,
  ],
  [
    'lvremove vgremove pvremove lvreduce',
    (command) => (asks(command.args, /^--help$/) ? undefined : destroys('a volume')),
  ],
  [
    'mdadm',
    (command) =>
      command.args.some((arg) => /^--(zero-superblock|create|stop)$/.test(arg))
        ? destroys('an array of disks')
        : undefined,
  ],
  [
    'zpool zfs btrfs',
    (command) =>
      /^(destroy|labelclear|rollback|subvolume delete)/.test(command.args.slice(0, 2).join(' '))
        ? destroys('a file system')
        : undefined,
  ],
  ['tune2fs e2fsck fsck swapoff', () => undefined],
  [
    'umount',
    (command) =>
      command.args.some((arg) => /^(-\w*[al]\w*|--all|\/)$/.test(arg))
        ? critical('disk.unmount', 'Takes file systems away that programs use.')
        : undefined,
  ],
];

function rateFormat({ args, scope }: ShellCommand, places: Places): Danger | undefined {
  if (args.every((arg) => ASKS.test(arg))) return undefined;
  const paths = args
    .filter((arg) => (/[./]/.test(arg) || !isKnown(arg)) && !arg.startsWith('-'))
    .map((arg) => resolvePath(arg, scope.cwd));
  // The image of a disk is an ordinary file.
  if (paths.length > 0 && paths.every((path) => places.isInWorkspace(path) || places.isTemporary(path)))
    return undefined;
  return destroys(shown(args.find((arg) => arg.startsWith('/')) ?? 'a disk'));
}

function destroys(what: string): Danger {
  return critical('disk.destroy', `Destroys all data on ${what}.`);
}
