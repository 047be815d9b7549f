import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsup';
import { bundled } from './support/bundle.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const ENTRY = [`${ROOT}bench/*.bench.ts`, `${ROOT}bench/run.ts`, `${ROOT}bench/support/*.ts`];

export default defineConfig({ ...bundled(ROOT, ROOT, ENTRY, `${ROOT}bench/built`), clean: true });
