/** Prints how dangerous a shell command is: `npx tsx examples/danger.ts 'git push --force'`. */
import { type DangerContext, rateDanger } from 'autonomous-orchestration/danger';

const context: DangerContext = { workspace: '/workspace', home: '/home/node' };
const [command = ''] = process.argv.slice(2);
const danger = rateDanger({ tool: 'Bash', input: { command } }, context);
console.log(danger ? `${danger.level}: ${danger.rule}. ${danger.reason}` : 'none');
