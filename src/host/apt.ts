/** Seconds that a mirror may keep us waiting, unless it was asked for otherwise. */
export const MIRROR_PATIENCE = 30;

/**
 * Words for mmdebstrap: apt tries three times more, with growing pauses, where that may help (a status of 5xx, a
 * broken or silent connection), and goes on with what it has of a file.
 * @param patience seconds without a byte after which a connection is given up
 */
export function patientApt(patience: number): string[] {
  const timeouts = ['http', 'https'].map(scheme => `Acquire::${scheme}::Timeout "${patience}"`);
  return ['Acquire::Retries "3"', ...timeouts].map(option => `--aptopt=${option}`);
}
