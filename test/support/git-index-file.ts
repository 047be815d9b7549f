import { createHash } from 'node:crypto';

/** A git index of version 2 with one entry. The entry may have a name that git itself would never write. */
export function indexWith(name: string, hash: string, mode: number, nameLength = name.length): Buffer {
  const entry = Buffer.alloc(Math.floor((62 + nameLength + 8) / 8) * 8);
  entry.writeUInt32BE(mode, 24);
  entry.write(hash, 40, 'hex');
  entry.writeUInt16BE(nameLength, 60);
  entry.write(name, 62);
  const header = Buffer.from('DIRC\0\0\0\x02\0\0\0\x01', 'latin1');
  const body = Buffer.concat([header, entry]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}
