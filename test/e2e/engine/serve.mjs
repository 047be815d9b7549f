// The scripted model as a separate process, for releases of Claude Code that are a native program. Prints the variables that
// lead to the model as lines of shell code, and then closes its output.
import { closeSync } from 'node:fs';
import { modelEnvironment } from './environment.mjs';
import { startModel } from './model.mjs';

const port = await startModel(process.env);
for (const [name, value] of Object.entries(modelEnvironment(port))) console.log(`export ${name}='${value}'`);
closeSync(1);
// The server does not keep this process alive, so a timer does. The process ends with its container.
setInterval(() => {}, 60_000);
