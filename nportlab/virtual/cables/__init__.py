"""The cables of a virtual rack: UARTs, and what connects them; a process of its own beside the units.

    process, connection, timer     sockets and time: one loop, a tick while anything moves
    driver                         frames (protocol.serial_wire) to and from one UART
    rack, plan, control            which UARTs and lines there are; commands from outside
    cable, faults, waveform        what happens between two UARTs
    uart, transmitter, receiver    what happens inside one

From `rack` down nothing knows sockets or clocks: time is an argument, in nanoseconds, and
tests make it pass as they like.
"""
