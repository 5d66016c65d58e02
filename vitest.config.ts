import { defineConfig } from 'vitest/config';

const shared = { testTimeout: 30_000, hookTimeout: 120_000, globalSetup: ['test/setup.ts'] };

// Unit tests need nothing but Node and gpg-like host tools; end-to-end ones build and boot real images.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/end-to-end/**', 'test/long/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'end-to-end',
          include: ['test/end-to-end/**/*.test.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
          // Of the tests that may run side by side: a build takes a processor.
          maxConcurrency: 2,
        },
      },
      ...(process.env.IMAGE_FACTORY_LONG === undefined
        ? []
        : [
            {
              test: {
                ...shared,
                name: 'long',
                include: ['test/long/**/*.test.ts'],
                testTimeout: 7_200_000,
                hookTimeout: 7_200_000,
                fileParallelism: false,
              },
            },
          ]),
    ],
  },
});
