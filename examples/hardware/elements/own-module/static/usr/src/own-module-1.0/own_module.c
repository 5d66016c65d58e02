// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init own_module_init(void)
{
	pr_info("own_module: loaded\n");
	return 0;
}

static void __exit own_module_exit(void) {}

module_init(own_module_init);
module_exit(own_module_exit);
MODULE_DESCRIPTION("Stands where a vendor's module would");
MODULE_LICENSE("GPL");
