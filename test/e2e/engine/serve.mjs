// The scripted model as a process of its own, for a Claude Code that is a native program. Prints the variables that lead to
// the model as lines of shell, and then lets go of its output.
import { closeSync } from 'node:fs';
import { modelEnvironment } from './environment.mjs';
import { startModel } from './model.mjs';

const port = await startModel(process.env);
for (const [name, value] of Object.entries(modelEnvironment(port))) console.log(`export ${name}='${value}'`);
closeSync(1);
// The server keeps no process alive. This one ends with its container.
setInterval(() => {}, 60_000);
