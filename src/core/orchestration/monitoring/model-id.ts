/** The model of simulated runs. Its tokens cost nothing, and the cost of a run is what its script says. */
export const SIMULATED_MODEL = 'simulated';

/**
 * The id of a Claude model without what providers add to it, to compare ids. So `claude-opus-4-5` stands for
 * `eu.anthropic.claude-opus-4-5-20251101-v1:0` and the ARN that ends with it, `claude-opus-4-5@20251101`,
 * `anthropic/claude-opus-4.5` and `claude-opus-4-5-20251101[1m]`. Ids of other makers stay as they are, because the same additions
 * may tell their versions apart.
 */
export function plainModelId(model: string): string {
  const id = model
    .trim()
    .toLowerCase()
    // The path of an ARN, of Vertex and of gateways.
    .replace(/^.*\//, '')
    // A larger context window.
    .replace(/\[1m\]$/, '')
    // Bedrock: `us.anthropic.`.
    .replace(/^(?:[a-z-]+\.)?anthropic\./, '');
  if (!id.startsWith('claude-')) return model;
  return (
    id
      // Vertex: `@20250929`.
      .replace(/@[a-z0-9-]*$/, '')
      // Bedrock: `-v1`, `-v1:0`, `-v1:0:200k`.
      .replace(/-v\d+(?::\d+k?)*$/, '')
      .replace(/-(?:\d{8}|latest)$/, '')
      .replace(/(?<=\d)\.(?=\d)/g, '-')
      // The first of a generation is also written without its minor version.
      .replace(/^claude-(?:opus|sonnet)-4$/, '$&-0')
  );
}
