import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type ModelTurn, RELEASES, tempFolder, testManager } from './support.js';

const REQUESTS = 'requests.jsonl';

interface Asked {
  readonly model: string;
  readonly tools?: readonly { readonly name: string; readonly input_schema: object }[];
  readonly output_config?: { readonly effort?: string };
}

/** A session whose requests to the model are kept in its workspace. */
async function place(image: string, ...turns: ModelTurn[]) {
  const cwd = await tempFolder();
  const env = { MODEL_SCRIPT: JSON.stringify(turns), MODEL_REQUEST_LOG: `/workspace/${REQUESTS}` };
  return { cwd, docker: { image, env } };
}

/** The requests of a session's conversation. */
async function requests(cwd: string): Promise<Asked[]> {
  const lines = (await readFile(join(cwd, REQUESTS), 'utf8')).trim().split('\n');
  const bodies = lines.map((line) => (JSON.parse(line) as { body?: Asked }).body);
  return bodies.filter((body) => body?.tools?.length) as Asked[];
}

const giving = (input: object): ModelTurn => ({ tool: 'StructuredOutput', input });

it('both releases get model, effort and schema; the result is typed, checked and asked for again', async () => {
  const cases = RELEASES.map(async ({ image }) => {
    const { manager } = await testManager({ maxConcurrent: 4, effort: 'low' });
    const capital = z.object({ city: z.string().refine((city) => /^[A-Z]/.test(city), 'has to begin with a capital') });

    const chosen = await place(image, { text: 'Hello.' });
    const typed = await place(image, giving({ city: 'oslo' }), { text: 'There.' }, giving({ city: 'Oslo' }), {
      text: 'So.',
    });
    const list = await place(image, giving({ value: ['a', 'b'] }), { text: 'There.' });
    const unknown = await place(image, {
      error: { status: 404, type: 'not_found_error', message: 'model: claude-none-1' },
    });
    const models = { model: 'claude-opus-4-6', fallbackModels: ['claude-sonnet-4-6', 'claude-haiku-4-5'] };
    const [a, b, c, d] = await Promise.all([
      manager.create({ ...chosen, ...models, prompt: 'Say hello' }),
      manager.create({ ...typed, prompt: 'Name a capital', model: 'claude-opus-4-6', output: capital }),
      manager.create({ ...list, prompt: 'Name two letters', effort: 'high', output: z.array(z.string()) }),
      manager.create({ ...unknown, prompt: 'Say hello', model: 'claude-none-1' }),
    ]);
    const [hello, city, letters, refused] = await Promise.all([
      manager.waitFor(a.id),
      manager.waitFor(b.id),
      manager.waitFor(c.id),
      manager.waitFor(d.id),
    ]);

    expect(hello).toMatchObject({ status: 'completed', metadata: { model: 'claude-opus-4-6' } });
    expect(hello.asked).toEqual({ ...models, effort: 'low' });
    expect((await requests(chosen.cwd)).at(-1)).toMatchObject({
      model: 'claude-opus-4-6',
      output_config: { effort: 'low' },
    });

    expect(city).toMatchObject({ status: 'completed', result: { output: { city: 'Oslo' } } });
    expect(city.runs).toMatchObject([{ number: 1 }, { number: 2, outputRetry: 1 }]);
    expect(city.runs[1]?.feedback).toContain('/city: has to begin with a capital');
    const tool = (await requests(typed.cwd)).at(-1)?.tools?.find(({ name }) => name === 'StructuredOutput');
    expect(tool?.input_schema).toMatchObject({ type: 'object', properties: { city: { type: 'string' } } });

    expect(letters.result?.output).toEqual(['a', 'b']);

    expect(refused).toMatchObject({ status: 'failed', result: { reason: 'unknown_model' } });
    expect(refused.result?.error).toContain('claude-none-1');
    expect(refused.metadata.errors).toContainEqual(expect.objectContaining({ code: 'unknown_model' }));
    // Claude Code itself asks twice, and not ten times as for other errors.
    expect((await requests(unknown.cwd)).length).toBeLessThanOrEqual(2);
  });
  await Promise.all(cases);
});
