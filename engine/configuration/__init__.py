"""The files of a configuration: found, read, decrypted and checked across their parts."""
