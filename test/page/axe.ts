import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** All rules of axe that the page currently breaks, with the elements that break them. */
export async function axeViolations(page: Page): Promise<object[]> {
  // Through the browser itself, because the policy of the page blocks other scripts.
  if (!(await page.evaluate(() => 'axe' in window))) {
    await page.evaluate(axe.source);
  }
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html.slice(0, 300)) }));
  });
}

interface Violation {
  id: string;
  nodes: { html: string }[];
}
