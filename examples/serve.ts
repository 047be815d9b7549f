/** The dashboard on your own sessions: those of earlier runs are taken over, and new ones can be started in one folder. */
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { serveAutonomousApp } from 'autonomous-orchestration/handlers';

const [cwd = '.', port = '4300'] = process.argv.slice(2);

const manager = new UnifiedSessionManager();
await manager.recover();
const server = await serveAutonomousApp(manager, { port: Number(port), workspaces: [cwd] });
console.log(`Open ${server.dashboardUrl}`);

await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
await server.close();
await manager.close(); // What runs goes on: start this again to see it.
