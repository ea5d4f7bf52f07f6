#ifndef SNAPHOOK_FACTS_H
#define SNAPHOOK_FACTS_H

/* Prints the event `facts`: mounts and swaps from /proc, block devices and btrfs from `sysfs` (normally /sys). */
void print_facts(const char *sysfs);

#endif
