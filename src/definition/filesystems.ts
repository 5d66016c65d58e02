/** Filesystems that a disk's tree can stand in. */
export const FILESYSTEMS = ['ext4', 'xfs'] as const;

export type FilesystemName = (typeof FILESYSTEMS)[number];

/** Whether the content of a volume is part of the tree; a FAT is the firmware's. */
export function isFilesystem(content: string): content is FilesystemName {
  return FILESYSTEMS.some(each => each === content);
}
