import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Whoever builds it, a test for example: React's development build is larger and much slower.
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
    // The licences of what is bundled come with it.
    license: { fileName: 'LICENSES.md' },
  },
});
