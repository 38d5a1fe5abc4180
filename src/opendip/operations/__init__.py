"""What people ask for: homes, markets, authorities, certificates. Called by the command line and the porta"""
