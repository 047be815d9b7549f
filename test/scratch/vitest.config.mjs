// For `vi.mock`: Vitest loads the packages in `node_modules` unchanged otherwise, and its mocks do not reach them.
export default { test: { server: { deps: { inline: ['autonomous-orchestration'] } } } };
