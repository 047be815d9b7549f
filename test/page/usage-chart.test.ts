import { scriptedRun } from 'autonomous-orchestration/testing';
import type { Locator } from 'playwright-core';
import { expect, it } from 'vitest';
import { openPage, serveSimulation } from './support.js';

const SAME = 24;

/** How many pixels of a chart have a given colour of the page in the current colour scheme. */
function pixelsOf(chart: Locator, color: string): Promise<number> {
  return chart.evaluate(
    (box, { color, same }) => {
      const canvas = box.querySelector('canvas');
      const context = canvas?.getContext('2d');
      if (!canvas || !context) return -1;
      const sample = document.createElement('canvas').getContext('2d');
      if (!sample) return -1;
      sample.fillStyle = getComputedStyle(box).getPropertyValue(color);
      sample.fillRect(0, 0, 1, 1);
      const wanted = sample.getImageData(0, 0, 1, 1).data;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let pixels = 0;
      for (let at = 0; at < data.length; at += 4) {
        const differs = [0, 1, 2].some((part) => Math.abs((data[at + part] ?? 0) - (wanted[part] ?? 0)) > same);
        // Half-transparent pixels are the edge of something else.
        if (!differs && (data[at + 3] ?? 0) > 128) pixels++;
      }
      return pixels;
    },
    { color, same: SAME },
  );
}

it('the chart draws cost and tokens, each in its own colour, in light and dark mode', async () => {
  const { manager, server } = await serveSimulation(({ conversationId }) =>
    scriptedRun([{ text: 'One.' }, { text: 'Two.' }, { text: 'Three.' }], { conversationId }),
  );
  const { id } = await manager.create({ prompt: 'x', taskId: 'spending' });
  await manager.waitFor(id);
  const page = await openPage(server);
  await page.getByRole('link', { name: 'spending' }).click();
  const chart = page.getByRole('img', { name: /^Cost up to \$0\.030, tokens up to 360/ });
  await chart.waitFor();
  await expect.poll(() => pixelsOf(chart, '--paused')).toBeGreaterThan(50);

  // A model without a price has its cost only at the end of a run, and a line takes two points.
  await manager.continue(id, 'Once more');
  await manager.waitFor(id);
  const more = page.getByRole('img', { name: /^Cost up to \$0\.060, tokens up to 720/ });
  await expect.poll(() => pixelsOf(more, '--running')).toBeGreaterThan(50);
  expect(await pixelsOf(more, '--paused')).toBeGreaterThan(50);

  const inLight = await more.evaluate((box) => getComputedStyle(box).getPropertyValue('--running'));
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await more.evaluate((box) => getComputedStyle(box).getPropertyValue('--running'))).not.toBe(inLight);
  await expect.poll(() => pixelsOf(more, '--running')).toBeGreaterThan(50);
  expect(await pixelsOf(more, '--paused')).toBeGreaterThan(50);
});
