import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openPage, serveManager } from '../page/support.js';
import { PUSH, WAIT, WORK, wholeCourse } from '../page/whole-course.js';
import { bash, containersOf, scripted, tempFolder, testManager } from './support.js';

it('a session in Docker goes its whole course by what a person clicks and types', async () => {
  const workspace = await tempFolder();
  const { docker } = scripted(bash(PUSH), bash(WAIT), bash(WORK), { history: true });
  const { manager } = await testManager({
    docker,
    policy: { rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask' }] },
  });
  const { server } = await serveManager(manager, workspace);
  const page = await openPage(server);
  const id = await wholeCourse(page, manager, () => writeFile(join(workspace, 'released'), ''));
  const session = manager.get(id);
  expect(session?.environment.docker).toBe(true);
  expect(session?.result?.text).toContain('Only the notes, please');
  await page.getByText(session?.runs[1]?.containerName ?? 'no container').waitFor();
  expect(await containersOf(session)).toEqual([]);
});
