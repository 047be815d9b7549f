import { isAbsolute } from 'node:path';
import { checkPromptFile, validatePromptFile } from '../channelcoder/prompt-file.js';
import type { Executor } from '../contract/executor.js';
import { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { prepareOutput } from '../output/validator.js';
import type { UnifiedSession } from '../session/record.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { readUserFile } from '../util/fs/user-file.js';
import type { PreparedSession } from './live-sessions.js';

/** Options of `recover()`. */
export interface RecoverOptions {
  /**
   * Returns the values of the variables that a session was created with (`docker.env` of `create()`). The values are not kept on
   * disk, because they may be secrets. The manager's own variables come from the manager's options. Called for each session that
   * has variables of its own, and for a session that has ended only when it is continued or gets a child.
   */
  env?: (session: UnifiedSession, names: readonly string[]) => Readonly<Record<string, string>>;
}

/**
 * Checks what a session needs and makes its folder. Files that the options name are copied into the folder. So the session uses
 * the files as they were checked, even if somebody changes them while the session waits.
 *
 * @throws OrchestrationError as `create()` documents; then nothing is left behind
 */
export async function prepareSession(
  spec: SessionSpec,
  executor: Executor,
  stateDir: string,
  signal: AbortSignal | undefined,
): Promise<PreparedSession> {
  const output = spec.output && (await prepareOutput(spec.output));
  const { environment, docker = spec.docker, worktree = spec.worktree, worksAs } = await executor.prepare(spec);
  signal?.throwIfAborted();
  const folder = new SessionFolder(stateDir, spec.id);
  await folder.create();
  try {
    return {
      spec: await copyFiles(
        { ...spec, docker, worktree, ...(worksAs && { worksAs }), ...(output && { output }) },
        folder,
      ),
      executor,
      folder,
      environment,
    };
  } catch (error) {
    await folder.remove().catch(() => {}); // The first error counts.
    throw error;
  }
}

async function copyFiles(given: SessionSpec, folder: SessionFolder): Promise<SessionSpec> {
  const spec = 'file' in given.prompt ? await withPromptFile(given, given.prompt, folder) : given;
  const { cwd, claude } = spec;
  if (claude.mcpConfig === undefined) return spec;
  await folder.write(folder.mcpConfig, await readUserFile('mcpConfig', claude.mcpConfig, cwd));
  return { ...spec, claude: { ...claude, mcpConfig: folder.mcpConfig } };
}

/** Copies the prompt file. What the options do not set is taken from the front matter of the file. */
async function withPromptFile(
  spec: SessionSpec,
  prompt: Extract<SessionSpec['prompt'], { file: string }>,
  folder: SessionFolder,
): Promise<SessionSpec> {
  const { file, data } = prompt;
  const text = await readUserFile('promptFile', file, spec.cwd);
  checkPromptFile(file, text);
  await folder.write(folder.promptFile, text);
  const { systemPrompt, mcpConfig } = await validatePromptFile(folder.promptFile, file, data);
  // An agent may have written a prompt file in the workspace, so such a file may not name other files of the machine.
  if (mcpConfig !== undefined && isAbsolute(mcpConfig) && !isAbsolute(file)) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'promptFile' (${quote(file)}) asks for the file ${quote(mcpConfig)} in its front matter, which is outside of ` +
        "the workspace; give it as 'mcpConfig' if that is what you want.",
    );
  }
  return {
    ...spec,
    prompt: { file: folder.promptFile, data },
    claude: {
      ...(systemPrompt !== undefined && { system: systemPrompt }),
      ...(mcpConfig !== undefined && { mcpConfig }),
      ...spec.claude,
    },
  };
}
