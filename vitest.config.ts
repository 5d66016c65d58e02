import { defineConfig } from 'vitest/config';

const shared = { testTimeout: 30_000, hookTimeout: 120_000, globalSetup: ['test/setup.ts'] };

/** Of end-to-end tests. */
const patient = {
  ...shared,
  testTimeout: 1_800_000,
  hookTimeout: 1_800_000,
  fileParallelism: false,
  // Of the tests that may run side by side: a build takes a processor.
  maxConcurrency: 2,
};

const inEndToEnd = (name: string) => `test/end-to-end/${name}.test.ts`;
const CLOUD_TESTS = ['openstack', 'nova', 'nova-trouble'].map(inEndToEnd);
/** One build each, or some that wait, in places of their own. */
const BUILD_TESTS = ['elements', 'own-elements', 'mirror', 'repository-login'].map(inEndToEnd);

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
          name: 'end-to-end',
          include: ['test/end-to-end/**/*.test.ts'],
          exclude: [...CLOUD_TESTS, ...BUILD_TESTS],
          ...patient,
        },
      },
      {
        test: {
          ...patient,
          name: 'builds',
          include: BUILD_TESTS,
          fileParallelism: true,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...patient,
          name: 'cloud',
          include: CLOUD_TESTS,
          // They wait for guests and services most of the time, each in a project or region of its own.
          fileParallelism: true,
          maxWorkers: CLOUD_TESTS.length,
          // After all others: a cloud takes minutes to come up, and does so meanwhile.
          sequence: { groupOrder: 1 },
          globalSetup: [...shared.globalSetup, 'test/openstack/shared-cloud.setup.ts'],
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
