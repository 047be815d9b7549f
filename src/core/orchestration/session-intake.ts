import { resolve } from 'node:path';
import { readPromptFile, validatePromptFile } from './channelcoder/prompt-file.js';
import type { BaseExecutor, SessionSpec } from './executors/base-executor.js';
import { SessionFolder } from './state/session-folder.js';
import type { SessionEnvironment } from './types.js';

/** A session that can run: checked, with a folder of its own. */
export interface PreparedSession {
  readonly spec: SessionSpec;
  readonly executor: BaseExecutor;
  readonly folder: SessionFolder;
  readonly environment: SessionEnvironment;
}

/**
 * Checks what a session needs and makes its folder. The prompt file is copied there: the session runs what was checked
 * now, whatever becomes of the file while it waits.
 *
 * @throws OrchestrationError as `create()` documents; nothing is left behind
 */
export async function prepareSession(
  spec: SessionSpec,
  executor: BaseExecutor,
  stateDir: string,
  signal: AbortSignal | undefined,
): Promise<PreparedSession> {
  const { environment } = await executor.prepare(spec);
  const { prompt } = spec;
  const promptText = 'file' in prompt ? await readPromptFile(prompt.file) : undefined;
  signal?.throwIfAborted();

  const folder = new SessionFolder(stateDir, spec.id);
  await folder.create();
  if (!('file' in prompt) || promptText === undefined) return { spec, executor, folder, environment };
  try {
    await folder.write(folder.promptFile, promptText);
    const { mcpConfig } = await validatePromptFile(folder.promptFile, prompt.file, prompt.data);
    // The container has to get that file, too, and under another name.
    const claude = mcpConfig === undefined ? spec.claude : { mcpConfig: resolve(spec.cwd, mcpConfig), ...spec.claude };
    return { spec: { ...spec, claude, prompt: { ...prompt, file: folder.promptFile } }, executor, folder, environment };
  } catch (error) {
    await folder.remove().catch(() => {}); // The first error counts.
    throw error;
  }
}
