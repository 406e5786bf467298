"""Prepares a card: an image of an operating system, with a node file and the software on it.

    image    what an image is, read from its own partitions
    unpack   the image, unpacked or copied into a work file
    table    partition tables: read, and one partition added
    fat      files on a FAT partition inside an image, by mtools
    ext4     files on an ext4 partition inside an image, read by debugfs
    wanted   what the installer asks for, checked
    seed     user, network and host name in the words of the image's own first boot
    card     what is put where on the image
    disk     is this the right disk, and is it free
    write    onto the disk, read back, its first sectors last
    cli      the command

Runs on an installer's Debian or Raspberry Pi OS with Python's standard library alone.
"""
