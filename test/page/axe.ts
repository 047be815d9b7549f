import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** All rules of axe that the page breaks as it stands, with what they are broken by. */
export async function axeViolations(page: Page): Promise<object[]> {
  // By the browser's own hand: the page's policy keeps scripts of others out.
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
