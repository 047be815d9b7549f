import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Also when a test builds the page, with another NODE_ENV: React's development build is larger and much slower.
process.env.NODE_ENV = 'production';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  // The app may be mounted under any path.
  base: './',
  plugins: [react()],
  build: {
    outDir: here('../../dist/dashboard'),
    emptyOutDir: true,
    // The licences of all bundled packages.
    license: { fileName: 'LICENSES.md' },
  },
});
