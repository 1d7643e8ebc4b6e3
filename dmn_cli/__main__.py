from dmn_cli.cli.app import main

main()
