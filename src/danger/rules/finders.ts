import { agentEverywhere, agentFinders } from './agent.js';
import { bulkDeletionFinders } from './bulk-deletion.js';
import { cloudFinders } from './clouds.js';
import { containerFinders } from './containers.js';
import { databaseFinders } from './databases.js';
import { deletionFinders } from './deletion.js';
import { diskFinders } from './disks.js';
import { fileFinders, rateRedirects } from './files.js';
import { forgeFinders } from './forges.js';
import { foundPermissionFinders } from './found-permissions.js';
import { gitFinders } from './git.js';
import { infrastructureFinders } from './infrastructure.js';
import { kubernetesFinders } from './kubernetes.js';
import { leavingFinders, rateSentArchive } from './leaving.js';
import { migrationFinders } from './migrations.js';
import { movingFinders } from './moving.js';
import { networkFinders, rateSockets } from './network.js';
import { otherAgentFinders, rateUnwatched } from './other-agents.js';
import { permissionFinders } from './permissions.js';
import { publishingFinders } from './publishing.js';
import { remoteDeleteFinders } from './remote-delete.js';
import type { Finder, Finders } from './rule.js';
import { secretStoreFinders } from './secret-stores.js';
import { systemFinders } from './system.js';

/** Finders that look at every command, whatever its name is, beside `rateCredentials`. */
export const EVERYWHERE: readonly Finder[] = [
  agentEverywhere,
  rateRedirects,
  rateSockets,
  rateSentArchive,
  rateUnwatched,
];

/** All other finders, by the program that they look at. */
export const findersByName: ReadonlyMap<string, readonly Finder[]> = indexed([
  ...bulkDeletionFinders,
  ...deletionFinders,
  ...gitFinders,
  ...diskFinders,
  ...permissionFinders,
  ...foundPermissionFinders,
  ...movingFinders,
  ...networkFinders,
  ...secretStoreFinders,
  ...leavingFinders,
  ...publishingFinders,
  ...databaseFinders,
  ...containerFinders,
  ...kubernetesFinders,
  ...infrastructureFinders,
  ...cloudFinders,
  ...forgeFinders,
  ...migrationFinders,
  ...remoteDeleteFinders,
  ...systemFinders,
  ...fileFinders,
  ...agentFinders,
  ...otherAgentFinders,
]);

function indexed(list: Finders): ReadonlyMap<string, readonly Finder[]> {
  const byName = new Map<string, Finder[]>();
  for (const [programs, find] of list) {
    for (const name of programs.split(' ')) byName.set(name, [...(byName.get(name) ?? []), find]);
  }
  return byName;
}
