import { agentRules } from './agent.js';
import { bulkDeletionRules } from './bulk-deletion.js';
import { cloudRules } from './clouds.js';
import { codeRules } from './code.js';
import { containerRules } from './containers.js';
import { databaseTargetRules } from './database-target.js';
import { deletionRules } from './deletion.js';
import { discardRules } from './discards.js';
import { diskRules } from './disks.js';
import { fileRules } from './files.js';
import { forgeRules } from './forges.js';
import { changeRules } from './git-changes.js';
import { commitRules } from './git-commits.js';
import { gitConfigRules } from './git-config.js';
import { referenceRules } from './git-references.js';
import { infrastructureRules } from './infrastructure.js';
import { leavingRules } from './leaving.js';
import { loadingRules } from './loading.js';
import { migrationRules } from './migrations.js';
import { movingRules } from './moving.js';
import { networkRules } from './network.js';
import { otherAgentRules } from './other-agents.js';
import { permissionRules } from './permissions.js';
import { publishingRules } from './publishing.js';
import { credentialRules } from './reading.js';
import type { Rules } from './rule.js';
import { searchingRules } from './searching.js';
import { sqlRules } from './sql.js';
import { systemRules } from './system.js';

/** All rules by subject, in the order of the documentation. Only the tests and the documentation read them. */
export const CATALOGUE: Readonly<Record<string, readonly Rules[]>> = {
  'Deleting and moving': [deletionRules, bulkDeletionRules, movingRules],
  'Writing outside the workspace': [fileRules, permissionRules],
  Git: [changeRules, discardRules, referenceRules, commitRules, gitConfigRules],
  'Code that cannot be checked': [codeRules, loadingRules],
  'Keys and passwords': [credentialRules, searchingRules],
  'Leaving the machine': [networkRules, leavingRules, publishingRules, forgeRules],
  Databases: [sqlRules, databaseTargetRules, migrationRules],
  'Containers and infrastructure': [containerRules, infrastructureRules, cloudRules],
  'The machine': [systemRules, diskRules],
  'The guard and other agents': [agentRules, otherAgentRules],
};
