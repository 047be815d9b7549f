import type { RunRequest } from '../contract/run-request.js';
import { handOver } from '../session/hand-over.js';
import type { UnifiedSession } from '../session/record.js';
import { openOwnFile } from '../util/fs/own-file.js';

/**
 * What the agent of a run is told, if it is not the prompt. A run that begins a new conversation gets a hand-over, which is made
 * from the record.
 */
export async function wordsFor(
  { spec, folder, feedback }: Pick<RunRequest, 'spec' | 'folder' | 'feedback'>,
  session: UnifiedSession,
): Promise<string | undefined> {
  if (feedback === undefined || session.runs.at(-1)?.fresh !== true) return feedback;
  const prompt = 'text' in spec.prompt ? spec.prompt.text : await firstPrompt(folder.input(1));
  return handOver(session, prompt, feedback);
}

/** What a prompt file has become in the first run. */
async function firstPrompt(path: string): Promise<string> {
  try {
    const file = await openOwnFile(path);
    try {
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return 'The text of the task is not known any more: the session never ran.';
  }
}
