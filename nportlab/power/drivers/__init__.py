"""Switch drivers, one module for each model or protocol; lab.yaml names them by module."""
