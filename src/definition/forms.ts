/** What a build may make, in the words of the factory file; src/image/forms makes each. */
export const FORMS = ['qcow2', 'raw', 'raw.zst', 'squashfs', 'tar', 'kernel-initrd'] as const;
export type Form = (typeof FORMS)[number];

/** Files that hold the whole disk. The first that a bundle has is booted, tested and promoted. */
export const DISK_FORMS = ['qcow2', 'raw', 'raw.zst'] as const;
export type DiskForm = (typeof DISK_FORMS)[number];

/** Files that hold the tree that stands on the disk. */
export const TREE_FORMS = ['squashfs', 'tar'] as const;
export type TreeForm = (typeof TREE_FORMS)[number];

/** Files of the tree that a loader takes beside the disk. */
export const BOOT_FORMS = ['kernel', 'initrd'] as const;
export type BootForm = (typeof BOOT_FORMS)[number];

/** Every file of an image that stands in a bundle. */
export const FILE_FORMS = [...DISK_FORMS, ...TREE_FORMS, ...BOOT_FORMS] as const;
export type FileForm = (typeof FILE_FORMS)[number];

export function isDiskForm(form: string): form is DiskForm {
  return DISK_FORMS.some(each => each === form);
}

export function isTreeForm(form: string): form is TreeForm {
  return TREE_FORMS.some(each => each === form);
}
