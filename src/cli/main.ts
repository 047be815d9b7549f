#!/usr/bin/env node
import { thisMachine } from './machine.js';
import { runCli } from './program.js';

process.exitCode = await runCli(process.argv.slice(2), thisMachine());
