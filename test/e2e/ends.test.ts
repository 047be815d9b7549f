import { describe, expect, it } from 'vitest';
import { bash, changedImage, containersOf, engine, RELEASES, scripted, tempFolder, testManager } from './support.js';

/** What the image's `claude` becomes in these tests: a shell that runs the real one. */
