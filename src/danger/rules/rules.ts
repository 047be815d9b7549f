import { agentEverywhere, agentRules } from './agent.js';
import { cloudRules } from './clouds.js';
import { containerRules } from './containers.js';
import { databaseRules } from './databases.js';
import { deletionRules } from './deletion.js';
import { diskRules } from './disks.js';
import { fileRules, rateRedirects } from './files.js';
import { forgeRules } from './forges.js';
import { foundPermissionRules } from './found-permissions.js';
import { gitRules } from './git.js';
import { infrastructureRules } from './infrastructure.js';
import { leavingRules, rateSentArchive } from './leaving.js';
import { migrationRules } from './migrations.js';
import { movingRules } from './moving.js';
import { networkRules, rateSockets } from './network.js';
import { otherAgentRules, rateUnwatched } from './other-agents.js';
import { permissionRules } from './permissions.js';
import { publishingRules } from './publishing.js';
import { remoteDeleteRules } from './remote-delete.js';
import type { Rule } from './rule.js';
import { secretStoreRules } from './secret-stores.js';
import { systemRules } from './system.js';

/** Rules for every command, whatever its name, beside those for what it reads. */
export const EVERYWHERE: readonly Rule[] = [
  agentEverywhere,
  rateRedirects,
  rateSockets,
  rateSentArchive,
  rateUnwatched,
];

export const rulesByName: ReadonlyMap<string, readonly Rule[]> = indexed([
  ...deletionRules,
  ...gitRules,
  ...diskRules,
  ...permissionRules,
  ...foundPermissionRules,
  ...movingRules,
  ...networkRules,
  ...secretStoreRules,
  ...leavingRules,
  ...publishingRules,
  ...databaseRules,
  ...containerRules,
  ...infrastructureRules,
  ...cloudRules,
  ...forgeRules,
  ...migrationRules,
  ...remoteDeleteRules,
  ...systemRules,
  ...fileRules,
  ...agentRules,
  ...otherAgentRules,
]);

function indexed(list: readonly (readonly [names: string, rule: Rule])[]): ReadonlyMap<string, readonly Rule[]> {
  const byName = new Map<string, Rule[]>();
  for (const [names, rule] of list) {
    for (const name of names.split(' ')) byName.set(name, [...(byName.get(name) ?? []), rule]);
  }
  return byName;
}
