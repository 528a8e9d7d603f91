"""What is released: built twice, looked into, installed and tried."""
