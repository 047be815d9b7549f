/** Serves the dashboard for your sessions. Takes over those of earlier processes. New sessions can be started in one folder. */
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { serveAutonomousApp } from 'autonomous-orchestration/handlers';

const [cwd = '.', port = '4300'] = process.argv.slice(2);

const manager = new UnifiedSessionManager();
await manager.recover();
const server = await serveAutonomousApp(manager, { port: Number(port), workspaces: [cwd] });
console.log(`Open ${server.dashboardUrl}`);

await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
await server.close();
await manager.close(); // Running sessions continue. Start this program again to see them.
